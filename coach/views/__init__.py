"""The pages of coaching; each module lists its own URLs as `urls`."""
