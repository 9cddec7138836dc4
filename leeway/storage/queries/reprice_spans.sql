-- A mutation writes two columns of the parts that it changes anew and leaves the others as they are; what is right already
-- is not in it, so that it can be repeated and broken off. `mark` is how system.mutations is asked about it.
ALTER TABLE leeway.span_rows
UPDATE
    cost_usd = {{reprice_usd}},
    cost_source = {{reprice_source}}
WHERE {mark:String} != ''
    AND {{repriceable}}
    AND concat(model, '\n', provider) IN {names:Array(String)}
    AND (cost_source != {{reprice_source}} OR abs(cost_usd - {{reprice_usd}}) > 1e-9 * greatest(cost_usd, {{reprice_usd}}))
