"""Configuration: TOML to frozen typed models."""
