import os
app.secret_key = os.urandom(24)
password = input("password: ")
error.password = "your password is wrong"
