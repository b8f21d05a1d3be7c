"""What happens to images on their way: compression, resizing, messengers, screens, borders."""
