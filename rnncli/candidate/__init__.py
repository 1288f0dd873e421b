"""The implementation under inspection."""
