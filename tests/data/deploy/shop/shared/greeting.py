def greet(word):
    return f"{word}, world"
