-- The DontHaves of a capture as a Lua post-dissector: tshark -q -X lua_script:donthave.lua -r CAPTURE prints frame, piece, requests.
-- The streams are put in order here, as Wireshark shows neither uTP's messages nor all of TCP's.

local PROTOCOL = "\19BitTorrent protocol"
local HANDSHAKE = 68
local CHOKE, REQUEST, PIECE, CANCEL, REJECT, EXTENDED = 0, 6, 7, 8, 16, 20

local protocol = Proto("donthave_lua", "DontHave in Lua")
local fields = {
    ip_src = Field.new("ip.src"), ip_dst = Field.new("ip.dst"),
    tcp_seq = Field.new("tcp.seq_raw"), tcp_syn = Field.new("tcp.flags.syn"), tcp_payload = Field.new("tcp.payload"),
    udp_payload = Field.new("udp.payload"),
}

local directions = {}

local function u16(data, at)
    local a, b = data:byte(at, at + 1)
    return a * 256 + b
end

local function u32(data, at)
    local a, b, c, d = data:byte(at, at + 3)
    return ((a * 256 + b) * 256 + c) * 256 + d
end

local function new_direction()
    return { early = {}, rest = "", requests = {} }
end

-- One bencoded value and where the next one begins; an error for anything else.
local function bdecode(data, at)
    local kind = data:sub(at, at)
    if kind == "i" then
        local stop = assert(data:find("e", at, true))
        return tonumber(data:sub(at + 1, stop - 1)), stop + 1
    elseif kind == "l" or kind == "d" then
        local result, key = {}, nil
        at = at + 1
        while data:sub(at, at) ~= "e" do
            local value
            value, at = bdecode(data, at)
            if kind == "l" then
                result[#result + 1] = value
            elseif key == nil then
                key = value
            else
                result[key], key = value, nil
            end
        end
        return result, at + 1
    end
    local colon = assert(data:find(":", at, true))
    local length = assert(tonumber(data:sub(at, colon - 1)))
    return data:sub(colon + 1, colon + length), colon + 1 + length
end

-- A message whose id stands at AT and whose last byte at LAST.
local function message(frame, direction, other, data, at, last)
    local kind, payload, size = data:byte(at), at + 1, last - at
    local fast = direction.fast and other.fast
    if kind == REQUEST and size == 12 then
        local piece, start = u32(data, payload), u32(data, payload + 4)
        direction.requests[piece] = direction.requests[piece] or {}
        direction.requests[piece][start] = true
    elseif kind == CANCEL and size == 12 then
        local blocks = direction.requests[u32(data, payload)]
        if blocks then blocks[u32(data, payload + 4)] = nil end
    elseif kind == PIECE and size >= 8 or kind == REJECT and fast and size == 12 then
        local blocks = other.requests[u32(data, payload)]
        if blocks then blocks[u32(data, payload + 4)] = nil end
    elseif kind == CHOKE and not fast then
        other.requests = {}
    elseif kind == EXTENDED and size > 0 and data:byte(payload) == 0 then
        local good, dictionary = pcall(bdecode, data:sub(payload + 1, last), 1)
        local id = good and type(dictionary) == "table" and type(dictionary.m) == "table" and dictionary.m.lt_donthave
        if id then direction.id = id end
    elseif kind == EXTENDED and size == 5 and data:byte(payload) == other.id then
        local piece, hit = u32(data, payload + 1), 0
        for _ in pairs(other.requests[piece] or {}) do hit = hit + 1 end
        other.requests[piece] = nil
        print(frame .. "\t" .. piece .. "\t" .. hit)
    end
end

local function stream(frame, direction, other, data)
    data = direction.rest .. data
    local at = 1
    if not direction.greeted then
        local known = math.min(#data, #PROTOCOL)
        if data:sub(1, known) ~= PROTOCOL:sub(1, known) then
            direction.alien = true
            return
        elseif #data < HANDSHAKE then
            direction.rest = data
            return
        end
        direction.greeted = true
        direction.fast = data:byte(28) % 8 >= 4
        at = HANDSHAKE + 1
    end
    while #data - at + 1 >= 4 do
        local length = u32(data, at)
        if #data - at - 3 < length then break end
        if length > 0 then message(frame, direction, other, data, at + 4, at + 3 + length) end
        at = at + 4 + length
    end
    direction.rest = data:sub(at)
end

local function tcp(frame, source, destination, sequence, syn, data)
    local key, back = "t" .. source .. destination, "t" .. destination .. source
    if syn then
        directions[key] = new_direction()
        directions[back] = directions[back] or new_direction()
        directions[key].next = (sequence + 1) % 2 ^ 32
        return
    end
    directions[key] = directions[key] or new_direction()
    local direction = directions[key]
    if data == "" or direction.alien then return end
    directions[back] = directions[back] or new_direction()
    direction.next = direction.next or sequence
    local repeated = (direction.next - sequence) % 2 ^ 32
    if repeated < 2 ^ 31 then
        data, sequence = data:sub(repeated + 1), direction.next
    end
    if data ~= "" then direction.early[sequence] = data end
    while direction.early[direction.next] do
        data = direction.early[direction.next]
        direction.early[direction.next] = nil
        direction.next = (direction.next + #data) % 2 ^ 32
        stream(frame, direction, directions[back], data)
    end
end

local function utp(frame, source, destination, packet)
    if #packet < 20 or packet:byte(1) % 16 ~= 1 or packet:byte(1) >= 5 * 16 then return end
    local kind, id, sequence = math.floor(packet:byte(1) / 16), u16(packet, 3), u16(packet, 17)
    if kind == 4 then -- ST_SYN: the initiator sends with the next id, the other one with this
        local one, two = new_direction(), new_direction()
        one.other, two.other = two, one
        one.next = (sequence + 1) % 65536
        directions["u" .. source .. destination .. (id + 1) % 65536] = one
        directions["u" .. destination .. source .. id] = two
        return
    end
    local direction = directions["u" .. source .. destination .. id]
    if not direction or direction.alien then return end
    -- The ST_STATE that answers the SYN has the number of the first packet.
    direction.next = direction.next or sequence
    if kind ~= 0 then return end
    local extension, at = packet:byte(2), 21
    while extension ~= 0 and at + 1 <= #packet do
        extension, at = packet:byte(at), at + 2 + packet:byte(at + 1)
    end
    if (sequence - direction.next) % 65536 < 32768 then direction.early[sequence] = packet:sub(at) end
    while direction.early[direction.next] do
        local data = direction.early[direction.next]
        direction.early[direction.next] = nil
        direction.next = (direction.next + 1) % 65536
        stream(frame, direction, direction.other, data)
    end
end

function protocol.dissector(buffer, pinfo)
    if pinfo.visited then return end
    local src, dst = fields.ip_src(), fields.ip_dst()
    if not src then return end
    local source = tostring(src.value) .. ":" .. pinfo.src_port .. " "
    local destination = tostring(dst.value) .. ":" .. pinfo.dst_port .. " "
    local sequence = fields.tcp_seq()
    if sequence then
        local payload = fields.tcp_payload()
        tcp(pinfo.number, source, destination, sequence.value, fields.tcp_syn().value, payload and payload.range:raw() or "")
    else
        local payload = fields.udp_payload()
        if payload then utp(pinfo.number, source, destination, payload.range:raw()) end
    end
end

function protocol.init()
    directions = {}
end

register_postdissector(protocol)
