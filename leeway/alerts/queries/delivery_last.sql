SELECT * FROM leeway.deliveries
WHERE delivery_id = {id:String}
ORDER BY attempt DESC, at DESC
LIMIT 1
