-- Sends the requests that stand in a file, one behind the other and all of one length. Each thread
-- has a part of the file, which it sends once and then from its beginning again.
--
-- The file is read on the way, and not into a table first: wrk lets its first thread run while the
-- next one still starts, so a start that takes time makes the figures wrong.
local threads = 0

setup = function(thread)
  thread:set("mine", threads)
  threads = threads + 1
end

init = function(args)
  length, share, sent = tonumber(args[2]), tonumber(args[3]), 0
  -- Other processes may have the parts before.
  mine = mine + tonumber(args[4])
  file = assert(io.open(args[1], "rb"))
  file:setvbuf("full", 1048576)
  file:seek("set", mine * share * length)
end

request = function()
  if sent == share then
    file:seek("set", mine * share * length)
    sent = 0
  end
  sent = sent + 1
  return file:read(length)
end
