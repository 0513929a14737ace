"""What `tasuki …` can do: one module a noun."""
