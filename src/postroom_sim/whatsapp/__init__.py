"""The simulated WhatsApp: its people, chats and devices, and what stands in for the native library on a device."""
