-- wrk.lua with several paths, one after the other: arguments that begin with a slash. The requests are made ahead, so
-- that what a write costs is the call and no more.

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
dofile(here .. "wrk.lua")

local configure = init

function init(arguments)
  local paths, others = {}, {}
  for _, argument in ipairs(arguments) do
    table.insert(argument:sub(1, 1) == "/" and paths or others, argument)
  end
  configure(others)
  local requests = {}
  for at, path in ipairs(paths) do
    requests[at] = wrk.format(nil, path)
  end
  local at = 0
  request = function()
    at = at % #requests + 1
    return requests[at]
  end
end
