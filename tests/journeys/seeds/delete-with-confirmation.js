async function deletePostWithConfirmation(apiKey, postGroupId) {
// First, get post details to show what will be deleted
const getResponse = await fetch(
`https://api.postpost.dev/api/v1/get-post/${postGroupId}`,
{ headers: { 'x-api-key': apiKey } }
);
if (!getResponse.ok) {
throw new Error('Post not found');
}
const postData = await getResponse.json();
console.log('About to delete:');
console.log(` Content: ${postData.posts[0]?.content?.slice(0, 50)}...`);
console.log(` Platforms: ${postData.posts.map(p => p.platform).join(', ')}`);
console.log(` Status: ${postData.posts[0]?.status}`);
// Perform deletion
const deleteResponse = await fetch(
`https://api.postpost.dev/api/v1/delete-post/${postGroupId}`,
{
method: 'DELETE',
headers: { 'x-api-key': apiKey }
}
);
const result = await deleteResponse.json();
console.log('Deletion complete:', result);
return result;
}
