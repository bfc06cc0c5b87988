#!/bin/bash
API_KEY="YOUR_API_KEY"
POST_IDS=("507f1f77bcf86cd799439011" "507f1f77bcf86cd799439012" "507f1f77bcf86cd799439013")
SUCCEEDED=0
FAILED=0
for POST_ID in "${POST_IDS[@]}"; do
RESPONSE=$(curl -s -w "\n%{http_code}" -X DELETE \
"https://api.postpost.dev/api/v1/delete-post/${POST_ID}" \
-H "x-api-key: ${API_KEY}")
HTTP_CODE=$(echo "$RESPONSE" | tail -n1)
BODY=$(echo "$RESPONSE" | sed '$d')
if [ "$HTTP_CODE" = "200" ]; then
echo "Deleted $POST_ID successfully"
SUCCEEDED=$((SUCCEEDED + 1))
else
echo "Failed to delete $POST_ID: $BODY"
FAILED=$((FAILED + 1))
fi
done
echo ""
echo "Summary: $SUCCEEDED succeeded, $FAILED failed"
