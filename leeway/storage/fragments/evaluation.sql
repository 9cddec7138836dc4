{{word}}['gen_ai.evaluation.name'] AS name,
    if(isFinite(toFloat64OrZero({{word}}['gen_ai.evaluation.score.value'])),
        toFloat64OrNull({{word}}['gen_ai.evaluation.score.value']), NULL) AS score,
    {{word}}['gen_ai.evaluation.score.label'] AS label,
    {{word}}['gen_ai.evaluation.explanation'] AS explanation,
    {{word}}['gen_ai.response.id'] AS response_id,
    {{word}}['error.type'] AS error_type
