fromUnixTimestamp64Nano(toInt64(least({{word}}, 9223372036854775807)), 'UTC')
