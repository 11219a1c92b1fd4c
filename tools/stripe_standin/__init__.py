"""A stand-in for Stripe: a process of its own that speaks the API this project uses. No real money moves."""
