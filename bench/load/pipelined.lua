-- wrk.lua with several requests a write: a script that has a `request` function is asked for every write, the
-- others send a fixed text, so that only the pipelined scenario pays for the call.

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
dofile(here .. "wrk.lua")

local configure = init

function init(arguments)
  configure(arguments)
  local one = wrk.format()
  local several = string.rep(one, tonumber(arguments[1]))
  request = function() return several end
end
