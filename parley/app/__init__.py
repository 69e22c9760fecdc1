"""What a developer declares: agents, tools, MCP servers, engines; exported by `parley` itself."""
