"""Chats in between: read from the shapes people have, written as the rows of a format."""
