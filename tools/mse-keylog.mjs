// Logs the secrets of the encrypted connections (MSE) of a client that runs in Node.js, as WebTorrent:
//
//   MSEKEYLOGFILE=mse.keys node --import tools/mse-keylog.mjs CLIENT.mjs
//
// Whoever speaks MSE hashes "keyA" S SKEY and "keyB" S SKEY for each connection (S: 96 bytes, SKEY: 20). So this watches
// the input of node:crypto's hashes, and appends a line MSE <S> <SKEY>, in hex digits, to the file for each new pair. For
// other clients there is tools/mse-keylog, whose library node's own OpenSSL does not call.

import { Hash } from 'node:crypto'
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { resolve } from 'node:path'

const LABEL_LENGTH = 4
const SECRET_LENGTH = 96
const INFO_HASH_LENGTH = 20
const INPUT_LENGTH = LABEL_LENGTH + SECRET_LENGTH + INFO_HASH_LENGTH

function fail (message) {
  process.stderr.write(`mse-keylog: ${message}\n`)
  process.exit(1)
}

if (!process.env.MSEKEYLOGFILE) {
  fail('MSEKEYLOGFILE is not set. It names the file that the secrets go to: MSEKEYLOGFILE=mse.keys node --import ...')
}
const file = resolve(process.env.MSEKEYLOGFILE) // now, as a client may change its folder
try {
  closeSync(openForAppending())
} catch (error) {
  fail(`cannot write to MSEKEYLOGFILE=${file}: ${error.message}`)
}

function openForAppending () {
  return openSync(file, 'a+', 0o600)
}

/** Append the line unless it is there already: in one write, as several processes may have the same file. */
function append (line) {
  const descriptor = openForAppending()
  try {
    const known = readFileSync(descriptor, 'latin1')
    const separator = known === '' || known.endsWith('\n') ? '' : '\n'
    if (!known.split('\n').includes(line)) writeSync(descriptor, `${separator}${line}\n`)
  } finally {
    closeSync(descriptor)
  }
}

const inputs = new WeakMap() // of a hash: what it was given so far, as long as that may become such an input

function watch (hash, data, encoding) {
  const bytes = typeof data === 'string'
    ? Buffer.from(data, encoding)
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const label = bytes.toString('latin1', 0, LABEL_LENGTH)
  const before = label === 'keyA' || label === 'keyB' ? Buffer.alloc(0) : inputs.get(hash)
  if (!before) return
  inputs.delete(hash)
  const input = Buffer.concat([before, bytes], Math.min(before.length + bytes.length, INPUT_LENGTH + 1))
  if (input.length < INPUT_LENGTH) {
    inputs.set(hash, input)
  } else if (input.length === INPUT_LENGTH) {
    const secret = input.toString('hex', LABEL_LENGTH, LABEL_LENGTH + SECRET_LENGTH)
    append(`MSE ${secret} ${input.toString('hex', LABEL_LENGTH + SECRET_LENGTH)}`)
  }
}

const update = Hash.prototype.update
Hash.prototype.update = function (data, encoding) {
  const result = update.call(this, data, encoding) // first, as it refuses what is no data
  try {
    watch(this, data, encoding)
  } catch (error) {
    process.stderr.write(`mse-keylog: ${error.message}\n`)
  }
  return result
}
