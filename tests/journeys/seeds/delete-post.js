async function deletePostAcrossAllPlatforms(apiKey, postGroupId) {
const response = await fetch(
`https://api.postpost.dev/api/v1/delete-post/${postGroupId}`,
{
method: 'DELETE',
headers: { 'x-api-key': apiKey }
}
);
if (!response.ok) {
const error = await response.json();
throw new Error(`Failed to delete: ${error.error || response.statusText}`);
}
const data = await response.json();
console.log(`Successfully deleted post ${postGroupId}`);
return data;
}
// Usage
await deletePostAcrossAllPlatforms('YOUR_API_KEY', '507f1f77bcf86cd799439011');
