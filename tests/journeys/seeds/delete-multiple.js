async function deleteMultiplePosts(apiKey, postGroupIds) {
const results = {
succeeded: [],
failed: []
};
for (const postGroupId of postGroupIds) {
try {
const response = await fetch(
`https://api.postpost.dev/api/v1/delete-post/${postGroupId}`,
{
method: 'DELETE',
headers: { 'x-api-key': apiKey }
}
);
if (response.ok) {
results.succeeded.push({ postGroupId });
} else {
const error = await response.json();
results.failed.push({ postGroupId, error: error.error });
}
} catch (err) {
results.failed.push({ postGroupId, error: err.message });
}
}
console.log(`Deleted ${results.succeeded.length} posts`);
console.log(`Failed: ${results.failed.length}`);
return results;
}
// Usage: Delete all posts from a list
const postIds = ['507f1f77bcf86cd799439011', '507f1f77bcf86cd799439012', '507f1f77bcf86cd799439013'];
await deleteMultiplePosts('YOUR_API_KEY', postIds);
