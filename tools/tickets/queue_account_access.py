"""What people write when they cannot get in, or fear that somebody else did."""

CORES = """
- I [can't|cannot] get [in|into my account]. [It says unknown user.|Wrong password, it says. It
  isn't.]
- The [reset|password] mail [never arrives|does not come], [not in spam either|I checked the junk
  folder].
- The link in your mail [is expired|does not work|opens a blank page] [every time|the second I
  click it].
- My [phone|mobile] is new and the code goes to the old number.
- I do not have that [e-mail address|mailbox] any more. Please put my new one on the account.
- It keeps [throwing me out|logging me out] when I go to [my orders|the basket].
- ~ locked out lol help
- ~ cant log in
- ~ forgot my password and the reset thing is broken
- ^ I am unable to access my customer account despite several attempts.
- ^ Would you be so good as to restore my access to the customer area?
- There was [a login from {city2}|a sign-in at 3 at night]. That was not me.
- Somebody changed [the address|the e-mail] on my profile and ordered {noun_a}. [Please block
  it.|What now?]
- I get a mail saying that my password was changed. I changed nothing.
- After the new design my old password isn't taken any more.
- I apparently have two accounts, one with [gmail|my work mail] and one with [the old one|my
  private one]. [Merge them please.|Can you make one of it?]
- All my past orders have disappeared from the page. When I sign in it's [empty|like a new
  customer].
- Is the mail about "[verify your Halden account|unusual activity]" really from you? The sender
  looks [odd|wrong]. I did not click.
- Too many attempts, try again in 24 hours. That was [{day}|two days ago].
- The captcha shows me [bicycles|traffic lights] for ten minutes and then says I'm a robot.
- The passkey was on the laptop that was stolen.
- My name is spelled wrong in my profile and [the field is locked|I can't change it].
- It asks for a six digit code from an app I have never installed.
- I can sign in on the [laptop|computer] but the app [just spins|crashes right after the login].
- I want to register and am told that the address [is already taken|exists]. By whom?
- My husband set it up, he died in {month}, and I need to get to the orders.
- We're a scout group and the person who had the login has left.
- login not working
- reset mail not coming
- account blocked
- help i think i got hacked
- ~ my acc got hacked i think theres orders i didnt make
- ~ it says my email doesnt exist but u send me mails every day??
- The birthday you ask for as a security question is wrong in your system.
- I try enter with my password and always say error. I have make new password, same.
- Not possible to log me in since {ago}. The page come back to the start.
- Where can I see my old bills? The page after the login is white.
- My order history shows [someone else's|a stranger's] orders. From {city2}. I can see their
  things!
- I'm signed in as "Guest 4471" and can't get out of it.
- Since the change of surname my login with {first} doesn't go.
- I don't get the mails with the code because you have a typo in my address, it ends in .con
- What is my customer number? I can't find it and without it the page won't let me on.
- On the shop computer I forgot to log out. [Can you end all logins?|Can you sign me out
  everywhere?]
- The new app wants me to log in with face recognition. I have a phone from 2016.
- It says my account is suspended and to contact you. So I contact you.
"""

ASIDES = """
- and I can't log in any more, so I can't see it myself
- also my password doesn't work since {day}
- please also change the e-mail on my account, I lost the old mailbox
- I would have checked myself but the site locks me out
- by the way the reset link you send is dead
- and someone seems to have logged in as me from {city2}
"""

PAST = """
- I could not log in last week but that is working again.
- I am logged in and can see the order fine.
- (Writing as a guest, I never made an account.)
"""

PHONE = """
- cx locked out, reset mail not rec'd, spam checked. alt mail given
- new mobile, 2fa to old no. id check done (dob + last order)
- caller reports strange login, order not hers. blocked acct, pls review
- 2 accts same person, wants merge
- app crashes after login, web ok. android
- asks if mail "verify acct" is genuine. told no. fwd to security
- widow, needs access to late husbands acct
"""

OTHER = {
    "de": """
- Ich komme nicht mehr in mein Konto, das Passwort wird [nicht angenommen|abgelehnt].
- Die Mail zum Zurücksetzen kommt nicht an, auch nicht im Spam.
- Jemand hat sich mit meinem Konto angemeldet, das war ich nicht. Bitte sperren!
- login geht seit {datede} nicht
- Meine alte E-Mail-Adresse gibt es nicht mehr, wie ändere ich sie?
""",
    "es": """
- No puedo [entrar en mi cuenta|iniciar sesión], dice que la contraseña es incorrecta.
- El correo para cambiar la contraseña no llega nunca.
- Alguien ha entrado en mi cuenta, ¿pueden bloquearla?
""",
    "fr": """
- Je n'arrive plus à me connecter, mot de passe refusé.
- Le lien de réinitialisation [a expiré|ne marche pas], deux fois de suite.
- J'ai changé de téléphone et le code part sur l'ancien numéro.
""",
    "nl": """
- Ik kan niet meer inloggen en de resetmail komt niet aan.
- Mijn account is geblokkeerd, wat nu?
""",
    "da": """
- Jeg kan ikke logge ind, og mailen med ny kode kommer ikke.
- Jeg tror nogen har været inde på min konto.
""",
}
