"""Why: the pure rules. No framework, no I/O, no clock; one file a rule."""
