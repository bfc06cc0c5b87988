curl -X DELETE 'https://api.connectsafely.ai/linkedin/conversations/<conversationUrn>/messages/<messageUrn>' \
-H 'Authorization: Bearer <your_api_key>'
