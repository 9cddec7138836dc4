SELECT table, partition, sum(rows) AS n
FROM {{parts}}
WHERE active AND database = 'leeway' AND table IN {tables:Array(String)}
GROUP BY table, partition
HAVING n > 0
ORDER BY table, partition
