-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateEnum
CREATE TYPE "Role" AS ENUM ('ADMIN', 'user');

-- CreateTable
CREATE TABLE "User" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "emailIndex" TEXT,
    "ssn" TEXT,
    "ssnIndex" TEXT,
    "ssnDigits" TEXT,
    "note" TEXT,
    "photo" BYTEA,
    "profile" JSONB,
    "settings" JSONB,
    "orgId" TEXT,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "User_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Org" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "data" TEXT,

    CONSTRAINT "Org_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Post" (
    "id" SERIAL NOT NULL,
    "title" TEXT NOT NULL,
    "body" TEXT,
    "bodyIndex" TEXT,
    "authorId" TEXT,

    CONSTRAINT "Post_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Comment" (
    "id" SERIAL NOT NULL,
    "text" TEXT NOT NULL,
    "postId" INTEGER NOT NULL,

    CONSTRAINT "Comment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Tag" (
    "name" TEXT NOT NULL,

    CONSTRAINT "Tag_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "Plain" (
    "id" SERIAL NOT NULL,
    "value" TEXT NOT NULL,
    "where" JSONB,

    CONSTRAINT "Plain_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Shelf" (
    "id" SERIAL NOT NULL,
    "where" TEXT,

    CONSTRAINT "Shelf_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Book" (
    "id" SERIAL NOT NULL,
    "data" TEXT,
    "some" TEXT,
    "is" TEXT,
    "set" TEXT,
    "secret" TEXT,
    "secretExact" TEXT,
    "secretFold" TEXT,
    "shelfId" INTEGER,

    CONSTRAINT "Book_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Page" (
    "id" SERIAL NOT NULL,
    "text" TEXT NOT NULL,
    "bookId" INTEGER NOT NULL,

    CONSTRAINT "Page_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Typed" (
    "id" TEXT NOT NULL,
    "int" TEXT,
    "intIndex" TEXT,
    "bigInt" TEXT,
    "float" TEXT,
    "decimal" TEXT,
    "decimalIndex" TEXT,
    "boolean" BYTEA,
    "born" TEXT,
    "bornIndex" TEXT,
    "seen" BYTEA,
    "json" TEXT,
    "bytes" TEXT,
    "text" BYTEA,
    "role" TEXT,

    CONSTRAINT "Typed_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "sealed_rows" (
    "id" TEXT NOT NULL,
    "label" TEXT NOT NULL,
    "the_secret" TEXT NOT NULL,
    "the_index" TEXT,
    "note" TEXT,
    "group" INTEGER NOT NULL,
    "parentId" TEXT,

    CONSTRAINT "sealed_rows_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Moving" (
    "id" SERIAL NOT NULL,
    "email" TEXT NOT NULL,
    "emailIndex" TEXT,
    "emailHash" TEXT,
    "age" TEXT,
    "photo" BYTEA,
    "note" TEXT,
    "old" TEXT,
    "oldIndex" TEXT,

    CONSTRAINT "Moving_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Lists" (
    "id" SERIAL NOT NULL,
    "tags" TEXT[],
    "blobs" BYTEA[],
    "scores" TEXT[],
    "notes" JSONB[],
    "name" TEXT,
    "ends" TEXT[],

    CONSTRAINT "Lists_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "_TagToUser" (
    "A" TEXT NOT NULL,
    "B" TEXT NOT NULL,

    CONSTRAINT "_TagToUser_AB_pkey" PRIMARY KEY ("A","B")
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
CREATE INDEX "_TagToUser_B_index" ON "_TagToUser"("B");

-- AddForeignKey
ALTER TABLE "User" ADD CONSTRAINT "User_orgId_fkey" FOREIGN KEY ("orgId") REFERENCES "Org"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Post" ADD CONSTRAINT "Post_authorId_fkey" FOREIGN KEY ("authorId") REFERENCES "User"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Comment" ADD CONSTRAINT "Comment_postId_fkey" FOREIGN KEY ("postId") REFERENCES "Post"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Book" ADD CONSTRAINT "Book_shelfId_fkey" FOREIGN KEY ("shelfId") REFERENCES "Shelf"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Page" ADD CONSTRAINT "Page_bookId_fkey" FOREIGN KEY ("bookId") REFERENCES "Book"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sealed_rows" ADD CONSTRAINT "sealed_rows_parentId_fkey" FOREIGN KEY ("parentId") REFERENCES "sealed_rows"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "_TagToUser" ADD CONSTRAINT "_TagToUser_A_fkey" FOREIGN KEY ("A") REFERENCES "Tag"("name") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "_TagToUser" ADD CONSTRAINT "_TagToUser_B_fkey" FOREIGN KEY ("B") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- CreateTable
CREATE TABLE "Searched" (
    "id" SERIAL PRIMARY KEY,
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
    "id" SERIAL PRIMARY KEY,
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
