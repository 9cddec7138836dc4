KILL MUTATION WHERE database = 'leeway' AND table = 'span_rows' AND position(command, {mark:String}) > 0 ASYNC
