// What a wire of bittorrent-protocol receives about lost pieces, and what it asks for, for the log of the client that
// owns it.

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
    const piece = new DataView(payload.buffer, payload.byteOffset).getUint32(0)
    if (!heeded) log('donthave', { piece, ignored: true })
    heeded = false
  })
}

/** Call log(event, values) for each request of the wire and what becomes of it. After so many failures it asks no more. */
export function logRequests (wire, log, failures = Infinity) {
  const request = wire.request
  wire.request = function (piece, begin, length, callback) {
    if (failures <= 0) return // unanswered, it is not repeated
    const block = { piece, begin, length }
    log('request', block)
    request.call(wire, piece, begin, length, (error, buffer) => {
      if (error) log('request_failed', { ...block, error: error.message })
      else log('block', block)
      if (error) failures--
      callback(error, buffer)
    })
  }
}
