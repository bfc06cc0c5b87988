// A real Bluesky PDS with a PLC directory in memory, both on loopback, for the tests.
//
//   node start.mjs PDS_PORT PLC_PORT FOLDER        RATE_LIMITS=1 turns the real 429s on
//
// Prints one line when both listen. Ends when its standard input closes, so that it never outlives the test run.
import { mkdir } from 'node:fs/promises'
import net from 'node:net'
import path from 'node:path'
import { Secp256k1Keypair } from '@atproto/crypto'
import { PDS } from '@atproto/pds'
import * as plc from '@did-plc/server'

const [pdsPort, plcPort] = process.argv.slice(2, 4).map(Number)
const folder = process.argv[4]
if (!pdsPort || !plcPort || !folder) {
  console.error('usage: node start.mjs PDS_PORT PLC_PORT FOLDER')
  process.exit(2)
}

// Both servers listen(port) on every interface; here a bare port means loopback.
const listenAnywhere = net.Server.prototype.listen
net.Server.prototype.listen = function listen(port, ...rest) {
  const bare = typeof port === 'number' && typeof rest[0] !== 'string'
  return bare ? listenAnywhere.call(this, port, '127.0.0.1', ...rest) : listenAnywhere.call(this, port, ...rest)
}

const blobs = path.join(folder, 'blobs')
await mkdir(blobs, { recursive: true })

const directory = plc.PlcServer.create({ db: plc.Database.mock(), port: plcPort })
await directory.start()

const rotation = await Secp256k1Keypair.create({ exportable: true })
const recovery = await Secp256k1Keypair.create()
const pds = await PDS.fromEnv({
  port: pdsPort,
  hostname: 'localhost',
  devMode: true,
  dataDirectory: folder,
  blobstoreDiskLocation: blobs,
  didPlcUrl: `http://localhost:${plcPort}`,
  plcRotationKeyK256PrivateKeyHex: Buffer.from(await rotation.export()).toString('hex'),
  recoveryDidKey: recovery.did(),
  serviceHandleDomains: ['.test'],
  inviteRequired: false,
  jwtSecret: 'a secret of the tests',
  adminPassword: 'a password of the tests',
  disableSsrfProtection: true,
  rateLimitsEnabled: process.env.RATE_LIMITS === '1',
  // Named because the PDS insists; nothing answers there, and nothing is asked.
  bskyAppViewUrl: 'https://appview.invalid',
  bskyAppViewDid: 'did:example:appview',
  bskyAppViewCdnUrlPattern: 'https://cdn.invalid/%s/%s/%s',
  modServiceUrl: 'https://moderation.invalid',
  modServiceDid: 'did:example:moderation',
})
await pds.start()
console.log(`ready: pds ${pdsPort}, plc ${plcPort}`)

let stopping = false
const stop = async () => {
  if (stopping) return
  stopping = true
  setTimeout(() => process.exit(1), 5000).unref()
  await pds.destroy()
  await directory.destroy()
  process.exit(0)
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
process.stdin.on('end', stop).on('error', stop).resume()
