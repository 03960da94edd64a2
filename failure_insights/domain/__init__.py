"""The words of the field and the rules that must always hold, without any outside."""
