// Drives a server with the published client of Unipile v1, which checks every answer.   usage: drive.mjs BASE KEY COOKIE
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.cwd(), 'package.json'));
const { UnipileClient } = require('unipile-node-sdk');
const [base, key, cookie] = process.argv.slice(2);
const client = new UnipileClient(base, key, { validateRequestPayload: true, validateRequestPayloadLevel: 'error' });
const loose = { validateRequestPayload: false };
const { account, messaging, users } = client;
const told = {};

const linked = await account.connectLinkedinWithCookie({ access_token: cookie });
told.linked = linked.object;
const listed = await account.getAll({ limit: 100 });
told.account = (await account.getOne(linked.account_id)).id === linked.account_id;
const own = listed.items.find((each) => each.id !== linked.account_id && each.type === 'LINKEDIN');

let asked = await account.connectLinkedin({ username: 'user_2fa', password: 'secret-of-it' });
told.checkpoint = asked.checkpoint.type;
const solved = await account.solveCodeCheckpoint({ account_id: asked.account_id, provider: 'LINKEDIN', code: '123456' });
told.solved = solved.account_id === asked.account_id;
const link = await account.createHostedAuthLink({
  type: 'create', providers: ['LINKEDIN'], api_url: base, expiresOn: new Date(Date.now() + 3600_000).toISOString(),
});
told.link = link.url.includes('/connect/');
told.resync = (await account.resyncLinkedinAccount({ account_id: linked.account_id })).status;

const chats = (await messaging.getAllChats({ account_id: own.id, limit: 50 })).items;
const chat = chats.find((each) => each.type === 0);
told.chat = 'lastMessage' in (await messaging.getChat(chat.id));
const attendees = (await messaging.getAllAttendeesFromChat(chat.id)).items;
told.attendee = (await messaging.getAttendee(attendees[0].id)).id === attendees[0].id;
await messaging.getAllAttendees({ limit: 2 });

const picture = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg==', 'base64');
const sent = await messaging.sendMessage({ chat_id: chat.id, text: 'By the published client', attachments: [['a.png', picture]] });
const message = await messaging.getMessage(sent.message_id);
told.text = message.text;
told.attachment = message.attachments[0].type;
const blob = await messaging.getMessageAttachment({ message_id: message.id, attachment_id: message.attachments[0].id }, loose);
told.bytes = Buffer.from(await blob.arrayBuffer()).equals(picture);
const page = await messaging.getAllMessagesFromChat({ chat_id: chat.id, limit: 1 });
told.page = page.items[0].id === message.id && typeof page.cursor === 'string';
told.next = (await messaging.getAllMessagesFromChat({ chat_id: chat.id, cursor: page.cursor, limit: 1 })).items.length;
const begun = await messaging.startNewChat({
  account_id: own.id, text: 'Begun by the published client', attendees_ids: [chat.attendee_provider_id],
  options: { linkedin: { api: 'classic', inmail: false } },
});
told.begun = begun.chat_id === chat.id;
told.marked = (await messaging.setChatStatus({ chat_id: chat.id, action: 'setReadStatus', value: true })).object;

told.me = (await users.getOwnProfile(own.id)).object;
told.profile = (await users.getProfile({ account_id: own.id, identifier: chat.attendee_provider_id })).object;
told.relations = (await users.getAllRelations({ account_id: own.id })).object;
try {
  await messaging.getMessage('nonsense');
} catch (error) {
  told.refused = error.body.type;
}
told.deleted = (await account.delete(linked.account_id)).object;
console.log(JSON.stringify(told));
