"""What may lie over the filmed photograph: weather, dust, light and lens."""
