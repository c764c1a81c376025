"""The EM engine: parameters, rows, columns, the mixture, EM and Newton."""
