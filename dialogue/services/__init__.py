"""REST services described by OpenAPI documents, whose operations a model may call."""
