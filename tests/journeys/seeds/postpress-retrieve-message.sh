curl --request GET \
--url 'https://api.postpress.ai/api/v1/messages/msg_01HXYZ4QK3WJ8FN3M6QH7TZ8GR' \
--header 'X-API-KEY: pp_live_...' \
--header 'accept: application/json'
