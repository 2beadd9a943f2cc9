// What a wire of bittorrent-protocol receives about lost pieces, for the log of the client that owns it.

/** Call log(event, values) for each DontHave, with ignored: true where lt_donthave ignores it, and for each Reject. */
export function logReceived (wire, log) {
  let heeded = false
  wire.on('reject', (piece, begin, length) => log('reject', { piece, begin, length }))
  wire.lt_donthave.on('donthave', piece => {
    heeded = true
    log('donthave', { piece })
  })
  wire.on('extended', (name, payload) => { // comes after the library's own handler
    if (name !== 'lt_donthave') return
    if (!heeded) log('donthave', { piece: new DataView(payload.buffer, payload.byteOffset).getUint32(0), ignored: true })
    heeded = false
  })
}
