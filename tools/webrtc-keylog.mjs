// Writes the keys of WebRTC connections to a file, so that Wireshark can decrypt them: for Node and werift.
//
//   SSLKEYLOGFILE=keys.txt node --import ./webrtc-keylog.mjs client.mjs
//   tshark -o tls.keylog_file:keys.txt -r capture.pcapng
//
// A line for each DTLS 1.2 connection, in the format of SSLKEYLOGFILE: CLIENT_RANDOM <client random> <master secret>,
// once for both ends where one process has both. Lines are only ever appended; a file that is made gets the mode 600,
// as who has it can read the connection.
//
// werift does DTLS in JavaScript and has no key log. To get the keys of a connection it asks Node for HMAC(master
// secret, "key expansion" server_random client_random) (RFC 5246, 5 and 6.3), and that call is watched here. What has
// OpenSSL of its own, like node-datachannel, cannot be seen.

import crypto from 'node:crypto'
import { appendFileSync, statSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { isMainThread } from 'node:worker_threads'

const LABEL = Buffer.from('key expansion')
const RANDOM = 32
const MASTER_SECRET = 48

const file = process.env.SSLKEYLOGFILE
const written = new Set()
let failed = false

const say = text => process.stderr.write(`webrtc-keylog: ${text}\n`)

function fail (error) {
  if (!failed) say(`cannot write keys to ${file}: ${error.message}`)
  failed = true
}

function append (text) {
  try {
    appendFileSync(file, text, { mode: 0o600 })
  } catch (error) {
    fail(error)
  }
}

/** Write what an HMAC over this data gives away: nothing, unless it is the key expansion of DTLS 1.2. */
function note (key, data) {
  if (key.length !== MASTER_SECRET || data.length !== LABEL.length + 2 * RANDOM) return
  if (!data.subarray(0, LABEL.length).equals(LABEL)) return
  const line = `CLIENT_RANDOM ${data.subarray(-RANDOM).toString('hex')} ${key.toString('hex')}\n`
  if (written.has(line)) return
  written.add(line)
  append(line)
}

const isBytes = value => ArrayBuffer.isView(value)
const toBuffer = view => Buffer.from(view.buffer, view.byteOffset, view.byteLength)

function watch () {
  const { createHmac } = crypto
  crypto.createHmac = function (algorithm, key, options) {
    const hmac = createHmac(algorithm, key, options)
    if (!isBytes(key) || key.byteLength !== MASTER_SECRET) return hmac
    const secret = Buffer.from(toBuffer(key)) // a copy: the caller may wipe its own
    const { update } = hmac
    hmac.update = function (data, encoding) {
      if (isBytes(data)) note(secret, toBuffer(data))
      return update.call(this, data, encoding)
    }
    return hmac
  }
  syncBuiltinESMExports()
}

const size = () => statSync(file).size

/** A word at the end, where a user would look for keys in vain. */
function sayIfNothingCame (before) {
  process.on('exit', () => {
    if (size() === before) say(`no keys for ${file}: this process made no DTLS 1.2 connection with werift`)
  })
}

if (!file) {
  say('SSLKEYLOGFILE is not set, so no keys are written; set it to the name of a file')
} else {
  append('') // so that a file that cannot be written to is known at once
  watch()
  if (isMainThread && !failed) sayIfNothingCame(size())
}
