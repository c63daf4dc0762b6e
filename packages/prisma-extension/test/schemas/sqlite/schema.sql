-- CreateTable
CREATE TABLE "User" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "name" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "emailIndex" TEXT,
    "ssn" TEXT,
    "ssnIndex" TEXT,
    "ssnDigits" TEXT,
    "note" TEXT,
    "photo" BLOB,
    "profile" JSONB,
    "settings" JSONB,
    "orgId" TEXT,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "User_orgId_fkey" FOREIGN KEY ("orgId") REFERENCES "Org" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Org" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "name" TEXT NOT NULL,
    "data" TEXT
);

-- CreateTable
CREATE TABLE "Post" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "title" TEXT NOT NULL,
    "body" TEXT,
    "bodyIndex" TEXT,
    "authorId" TEXT,
    CONSTRAINT "Post_authorId_fkey" FOREIGN KEY ("authorId") REFERENCES "User" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Comment" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "text" TEXT NOT NULL,
    "postId" INTEGER NOT NULL,
    CONSTRAINT "Comment_postId_fkey" FOREIGN KEY ("postId") REFERENCES "Post" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Tag" (
    "name" TEXT NOT NULL PRIMARY KEY
);

-- CreateTable
CREATE TABLE "Plain" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "value" TEXT NOT NULL,
    "where" JSONB
);

-- CreateTable
CREATE TABLE "Shelf" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "where" TEXT
);

-- CreateTable
CREATE TABLE "Book" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "data" TEXT,
    "some" TEXT,
    "is" TEXT,
    "set" TEXT,
    "secret" TEXT,
    "secretExact" TEXT,
    "secretFold" TEXT,
    "shelfId" INTEGER,
    CONSTRAINT "Book_shelfId_fkey" FOREIGN KEY ("shelfId") REFERENCES "Shelf" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Page" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "text" TEXT NOT NULL,
    "bookId" INTEGER NOT NULL,
    CONSTRAINT "Page_bookId_fkey" FOREIGN KEY ("bookId") REFERENCES "Book" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Typed" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "int" TEXT,
    "intIndex" TEXT,
    "bigInt" TEXT,
    "float" TEXT,
    "decimal" TEXT,
    "decimalIndex" TEXT,
    "boolean" BLOB,
    "born" TEXT,
    "bornIndex" TEXT,
    "seen" BLOB,
    "json" TEXT,
    "bytes" TEXT,
    "text" BLOB,
    "role" TEXT
);

-- CreateTable
CREATE TABLE "sealed_rows" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "label" TEXT NOT NULL,
    "the_secret" TEXT NOT NULL,
    "the_index" TEXT,
    "note" TEXT,
    "group" INTEGER NOT NULL,
    "parentId" TEXT,
    CONSTRAINT "sealed_rows_parentId_fkey" FOREIGN KEY ("parentId") REFERENCES "sealed_rows" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Moving" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "email" TEXT NOT NULL,
    "emailIndex" TEXT,
    "emailHash" TEXT,
    "age" TEXT,
    "photo" BLOB,
    "note" TEXT,
    "old" TEXT,
    "oldIndex" TEXT
);

-- CreateTable
CREATE TABLE "_TagToUser" (
    "A" TEXT NOT NULL,
    "B" TEXT NOT NULL,
    CONSTRAINT "_TagToUser_A_fkey" FOREIGN KEY ("A") REFERENCES "Tag" ("name") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "_TagToUser_B_fkey" FOREIGN KEY ("B") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE UNIQUE INDEX "User_email_key" ON "User"("email");

-- CreateIndex
CREATE UNIQUE INDEX "User_emailIndex_key" ON "User"("emailIndex");

-- CreateIndex
CREATE UNIQUE INDEX "User_orgId_emailIndex_key" ON "User"("orgId", "emailIndex");

-- CreateIndex
CREATE UNIQUE INDEX "Book_secretFold_key" ON "Book"("secretFold");

-- CreateIndex
CREATE UNIQUE INDEX "sealed_rows_the_index_key" ON "sealed_rows"("the_index");

-- CreateIndex
CREATE UNIQUE INDEX "sealed_rows_group_label_key" ON "sealed_rows"("group", "label");

-- CreateIndex
CREATE UNIQUE INDEX "Moving_email_key" ON "Moving"("email");

-- CreateIndex
CREATE UNIQUE INDEX "Moving_emailIndex_key" ON "Moving"("emailIndex");

-- CreateIndex
CREATE UNIQUE INDEX "Moving_emailHash_key" ON "Moving"("emailHash");

-- CreateIndex
CREATE UNIQUE INDEX "_TagToUser_AB_unique" ON "_TagToUser"("A", "B");

-- CreateIndex
CREATE INDEX "_TagToUser_B_index" ON "_TagToUser"("B");

-- CreateTable
CREATE TABLE "Searched" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    "code" TEXT,
    "codeStart" TEXT,
    "age" TEXT,
    "ageRange" TEXT,
    "city" TEXT,
    "cityPart" TEXT,
    "street" TEXT,
    "born" TEXT,
    "both" TEXT,
    "owner" TEXT
);

-- CreateTable
CREATE TABLE "SearchedGram" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "term" TEXT NOT NULL,
    "searchedId" INTEGER NOT NULL,
    CONSTRAINT "SearchedGram_searchedId_fkey" FOREIGN KEY ("searchedId") REFERENCES "Searched" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE UNIQUE INDEX "Searched_both_key" ON "Searched"("both");

-- CreateIndex
CREATE UNIQUE INDEX "Searched_owner_both_key" ON "Searched"("owner", "both");

-- CreateIndex
CREATE INDEX "SearchedGram_term_idx" ON "SearchedGram"("term");
