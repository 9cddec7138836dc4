-- A point sums up what many did and stays; the exemplars in it that are of those who are forgotten go.
ALTER TABLE leeway.{{table}}
UPDATE
    `Exemplars.FilteredAttributes` = arrayFilter((e, kept) -> kept, `Exemplars.FilteredAttributes`, {{exemplars_kept}}),
    `Exemplars.TimeUnix` = arrayFilter((e, kept) -> kept, `Exemplars.TimeUnix`, {{exemplars_kept}}),
    `Exemplars.Value` = arrayFilter((e, kept) -> kept, `Exemplars.Value`, {{exemplars_kept}}),
    `Exemplars.SpanId` = arrayFilter((e, kept) -> kept, `Exemplars.SpanId`, {{exemplars_kept}}),
    `Exemplars.TraceId` = arrayFilter((e, kept) -> kept, `Exemplars.TraceId`, {{exemplars_kept}}),
    `Exemplars.FilteredAttributeTypes` = arrayFilter((e, kept) -> kept, `Exemplars.FilteredAttributeTypes`, {{exemplars_kept}})
WHERE {{where}}
