print("gondola")
