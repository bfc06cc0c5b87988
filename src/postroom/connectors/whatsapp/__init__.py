"""WhatsApp: personal accounts, as a linked device, through neonize in a process of its own."""
