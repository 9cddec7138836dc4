SELECT revision, position, state
FROM leeway.progress FINAL
WHERE reader = {reader:String}
