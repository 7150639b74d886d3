"""The ticket holder hears of it: addresses, the outbox, and its senders by mail, SMS and WeChat."""
