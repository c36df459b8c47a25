"""The use cases, each a page: survey, plan, apply, operate, watch."""
