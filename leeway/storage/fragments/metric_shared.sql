Project, ResourceAttributes, ResourceSchemaUrl, ScopeName, ScopeVersion, ScopeAttributes, ScopeDroppedAttrCount,
    ScopeSchemaUrl, ServiceName, MetricName, MetricDescription, MetricUnit, Attributes, StartTimeUnix, TimeUnix, Flags,
    ResourceAttributeTypes, ScopeAttributeTypes, AttributeTypes, MetricMetadata, MetricMetadataTypes, ReceivedAt, Writer,
    Batch, RequestDigest, Ordinal, Position
