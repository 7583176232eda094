-- Two actions of HAProxy 2.6 or newer: `farebox_admit` on the request, `farebox_settle` on the response. Both take the sidecar's
-- address and a token.

-- What the upstream is told, and what the customer is. A customer's own words under these names are removed.
local UPSTREAM = { "x-farebox-account", "x-farebox-key", "x-request-id" }
local CUSTOMER = { "credits-charged", "credits-remaining", "x-request-id" }

local function first(headers, name)
  local values = headers[name]
  if values == nil then return nil end
  -- The client has lists from 1, requests have them from 0.
  return values[1] or values[0]
end

local function refuse(txn, status, headers, body)
  local reply = txn:reply({ status = status })
  for name, values in pairs(headers) do
    if name ~= "content-length" and name ~= "connection" and name ~= "transfer-encoding" and name ~= "keep-alive" then
      for _, value in pairs(values) do reply:add_header(name, value) end
    end
  end
  reply:set_body(body)
  txn:done(reply)
end

core.register_action("farebox_admit", { "http-req" }, function(txn, address, token)
  local asked = {}
  for name, values in pairs(txn.http:req_get_headers()) do
    local list = {}
    for index = 0, #values do
      if values[index] ~= nil then list[#list + 1] = values[index] end
    end
    asked[name] = list
  end
  for _, name in pairs({ "content-length", "transfer-encoding", "expect", "connection", "upgrade", "x-forwarded-method", "x-forwarded-uri" }) do
    asked[name] = nil
  end
  asked["host"] = { address }
  asked["x-farebox-token"] = { token }
  asked["x-original-method"] = { txn.f:method() }
  asked["x-original-uri"] = { txn.f:pathq() }
  asked["x-forwarded-for"] = { txn.f:src() }
  local response = core.httpclient():get({ url = "http://" .. address .. "/v1/forward-auth", headers = asked, timeout = 5000 })
  local status = response and response.status or 0
  if status == 0 then
    refuse(txn, 503, { ["retry-after"] = { "1" }, ["content-type"] = { "application/problem+json" } },
      '{"status":503,"code":"storage_unavailable"}')
    return
  end
  local headers = response.headers or {}
  if status < 200 or status > 299 then
    refuse(txn, status, headers, response.body or "")
    return
  end
  for name in pairs(txn.http:req_get_headers()) do
    if string.sub(name, 1, 10) == "x-farebox-" then txn.http:req_del_header(name) end
  end
  for _, name in pairs(UPSTREAM) do
    local value = first(headers, name)
    if value == nil then txn.http:req_del_header(name) else txn.http:req_set_header(name, value) end
  end
  for _, name in pairs(CUSTOMER) do
    local value = first(headers, name)
    if value ~= nil then txn:set_var("txn." .. string.gsub(name, "-", "_"), value) end
  end
  local hold = first(headers, "x-farebox-hold")
  if hold ~= nil then txn:set_var("txn.farebox_hold", hold) end
end, 2)

core.register_action("farebox_settle", { "http-res" }, function(txn, address, token)
  for _, name in pairs(CUSTOMER) do
    local value = txn:get_var("txn." .. string.gsub(name, "-", "_"))
    if value ~= nil then txn.http:res_set_header(name, value) end
  end
  local hold = txn:get_var("txn.farebox_hold")
  local status = txn.f:status()
  -- A success was charged as it should be. Anything else is what the price may not charge: Farebox knows.
  if hold == nil or (status >= 200 and status < 300) then return end
  local response = core.httpclient():post({
    url = "http://" .. address .. "/v1/settle",
    headers = { ["host"] = { address }, ["authorization"] = { "Bearer " .. token }, ["content-type"] = { "application/json" } },
    body = string.format('{"hold":"%s","status":%d}', hold, status),
    timeout = 5000,
  })
  if response ~= nil and response.status == 200 then
    txn.http:res_del_header("credits-charged")
    txn.http:res_del_header("credits-remaining")
  end
end, 2)
