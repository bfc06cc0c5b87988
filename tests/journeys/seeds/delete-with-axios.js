const axios = require('axios');
class PostPostClient {
constructor(apiKey) {
this.api = axios.create({
baseURL: 'https://api.postpost.dev/api/v1',
headers: { 'x-api-key': apiKey }
});
}
async deletePost(postGroupId) {
try {
await this.api.delete(`/delete-post/${postGroupId}`);
return { success: true, postGroupId };
} catch (error) {
if (error.response) {
return {
success: false,
postGroupId,
error: error.response.data.error || 'Unknown error',
status: error.response.status
};
}
throw error;
}
}
async deleteMultiplePosts(postGroupIds) {
const results = await Promise.allSettled(
postGroupIds.map(id => this.deletePost(id))
);
return results.map((result, index) => ({
postGroupId: postGroupIds[index],
...(result.status === 'fulfilled' ? result.value : { success: false, error: result.reason.message })
}));
}
}
// Usage
const client = new PostPostClient('YOUR_API_KEY');
// Delete single post across all platforms
const result = await client.deletePost('507f1f77bcf86cd799439011');
console.log(`Deleted: ${result.success}`);
// Delete multiple posts
const results = await client.deleteMultiplePosts([
'507f1f77bcf86cd799439011',
'507f1f77bcf86cd799439012',
'507f1f77bcf86cd799439013'
]);
const succeeded = results.filter(r => r.success);
const failed = results.filter(r => !r.success);
console.log(`Deleted: ${succeeded.length}, Failed: ${failed.length}`);
