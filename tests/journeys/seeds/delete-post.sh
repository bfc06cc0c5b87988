# Delete a single post across all platforms
curl -X DELETE "https://api.postpost.dev/api/v1/delete-post/507f1f77bcf86cd799439011" \
-H "x-api-key: YOUR_API_KEY"
# Response:
# { "success": true }
