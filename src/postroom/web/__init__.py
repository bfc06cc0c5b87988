"""What a browser or a socket meets that is no dialect: the event stream and the media addresses."""
