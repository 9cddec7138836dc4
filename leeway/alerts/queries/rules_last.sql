-- The rule version that was loaded last.
SELECT subject FROM leeway.audit WHERE action = 'rules.loaded' ORDER BY at DESC, id DESC LIMIT 1
