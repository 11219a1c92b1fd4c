-- One room, in one round trip. Places are whole numbers from 1, instants milliseconds since 1970.
--
-- KEYS  1 state   hash: next (last place given), head (last place let in), tokens, refilled, began, drawn, hold
--       2 queue   sorted set: ticket id -> place
--       3 seen    hash: ticket id -> last heartbeat
--       4 early   set: ticket ids that take part in the draw
--       5 passed  set: ticket ids that were away when their turn came
--       6 pace    hash: ten-second slot -> places that the head went on
--       7 brake   exists while the shop is slow: half the rate
-- ARGV  1 what: look, join, place, enter, hold   2 now (0: Redis's own clock)   3 opens   4 draws (0: no draw)
--       5 admission a minute   6 away: a ticket unseen for so long is passed over
--       7, 8 next and head as the caller last saw them: what a Redis that lost its memory starts from
--       9 ticket id (join, place, enter)   10... ticket id, place, ... heartbeats; place 0: in the draw
-- Answer: now, head, next, has it begun, is the draw due, was it drawn, places passed, milliseconds over which, place of the ticket

local state, queue, seen, early, passed, pace = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local what, ticket = ARGV[1], ARGV[9]
local now, opens, draws = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local rate, away = tonumber(ARGV[5]), tonumber(ARGV[6])
local SLOT, SLOTS, MOST, BURST_SECONDS, KEEP_SECONDS = 10000, 6, 2000, 3, 604800
local GAP, HOLD = 20000, 15000

if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local kept = redis.call('HMGET', state, 'next', 'head', 'tokens', 'refilled', 'began', 'drawn', 'hold')
local last = math.max(tonumber(kept[1] or 0), tonumber(ARGV[7]))
local head = math.max(tonumber(kept[2] or 0), tonumber(ARGV[8]))
local tokens, refilled, began = tonumber(kept[3] or 1), tonumber(kept[4] or now), tonumber(kept[5] or 0)
local hold, is_drawn = tonumber(kept[7] or 0), kept[6] == '1'
local is_window = draws > 0 and now < draws
local entrants = (draws > 0 and not is_window) and redis.call('SCARD', early) or 0
last = math.max(last, entrants)
local is_due = draws > 0 and not is_window and not is_drawn and entrants > 0
local has_begun = now >= opens and not is_window and not is_due

-- Redis was away or has forgotten: nobody is let in until those who wait have asked again.
local function wait_for_heartbeats() hold = now + HOLD end

local function append(id)
  last = last + 1
  redis.call('ZADD', queue, last, id)
  return last
end

-- A heartbeat also puts a ticket back that a Redis without memory no longer knows.
local function beat(id, place)
  redis.call('HSET', seen, id, now)
  if place > head and not redis.call('ZSCORE', queue, id) then
    redis.call('ZADD', queue, place, id)
    if place > last then wait_for_heartbeats() end
    last = math.max(last, place)
  elseif place == 0 and is_window then
    redis.call('SADD', early, id)
  end
end

local function place_of(id)
  if is_window then redis.call('SADD', early, id) end
  if is_window or is_due then return 0 end
  return tonumber(redis.call('ZSCORE', queue, id) or append(id))
end

local function is_here(id)
  local at = redis.call('HGET', seen, id)
  return at and now - tonumber(at) <= away
end

-- The token bucket: those who are here cost a token each, those who are away cost nothing and are passed over.
local function let_in()
  local most, from = math.max(1, rate * BURST_SECONDS / 60), head
  tokens = math.min(most, tokens + math.max(0, now - refilled) * rate / 60000)
  refilled = now
  while tokens >= 1 and head - from < MOST do
    local found = redis.call('ZRANGEBYSCORE', queue, '(' .. head, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if #found == 0 then break end
    head = tonumber(found[2])
    if is_here(found[1]) then tokens = tokens - 1 else redis.call('SADD', passed, found[1]) end
  end
  if head > from then redis.call('HINCRBY', pace, math.floor(now / SLOT), head - from) end
end

local function measure()
  local first, count = math.floor(now / SLOT) - SLOTS + 1, 0
  local slots = redis.call('HGETALL', pace)
  for i = 1, #slots, 2 do
    if tonumber(slots[i]) >= first then count = count + tonumber(slots[i + 1]) else redis.call('HDEL', pace, slots[i]) end
  end
  return count, has_begun and now - math.max(began, first * SLOT) or 0
end

if not kept[1] and last > 0 and entrants == 0 then wait_for_heartbeats() end
if now - refilled > GAP and redis.call('ZCOUNT', queue, '(' .. head, '+inf') > 0 then wait_for_heartbeats() end
for i = 10, #ARGV, 2 do beat(ARGV[i], tonumber(ARGV[i + 1])) end
local place = 0
if what == 'join' then
  redis.call('HSET', seen, ticket, now)
  if is_window then redis.call('SADD', early, ticket) else place = append(ticket) end
elseif what == 'place' then
  redis.call('HSET', seen, ticket, now)
  place = place_of(ticket)
elseif what == 'enter' and redis.call('SREM', passed, ticket) == 1 then
  tokens = tokens - 1
elseif what == 'hold' then
  wait_for_heartbeats()
end
if redis.call('EXISTS', KEYS[7]) == 1 then rate = rate / 2 end
if has_begun and began == 0 then began = now end
if has_begun and rate > 0 and now >= hold then let_in() else refilled = now end
local count, span = measure()
redis.call('HSET', state, 'next', last, 'head', head, 'tokens', tokens, 'refilled', refilled, 'began', began, 'hold', hold)
for i = 1, 6 do redis.call('EXPIRE', KEYS[i], KEEP_SECONDS) end
return {now, head, last, has_begun and 1 or 0, is_due and 1 or 0, is_drawn and 1 or 0, count, span, place}
