"""The LLM endpoint, seen from the real client: against a scripted server over real HTTP."""
